-- SPDX-License-Identifier: Apache-2.0
-- What a collector needs that runs for years (schema version 4).

-- Why a minute of coverage may not be whole: enum cover_flaw (store/cover.h).
ALTER TABLE coverage ADD COLUMN flaws INTEGER NOT NULL DEFAULT 0;
