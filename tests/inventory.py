# SPDX-License-Identifier: Apache-2.0
"""The keys of the inventory: what the sensor writes of made-up machines (tests/inventory/*.json,
held to the letter by test_inventory.c), what the schema and docs/exchange.md say, and what is
left of it after an import, are the same."""

import glob
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from schema import Schema  # noqa: E402

BUILD = pathlib.Path(os.environ.get("SKEIN_BUILD", ROOT / "build")).absolute()


def strict(part):
    """A schema without open ends, so that a key that it does not name is an error."""
    if isinstance(part, dict):
        return {k: strict(v) for k, v in part.items()
                if k not in ("additionalProperties", "format")}
    return [strict(v) for v in part] if isinstance(part, list) else part


def machines():
    """(name, inventory) of every made-up machine, keys in their order."""
    for path in sorted(glob.glob(str(ROOT / "tests/inventory/*.json"))):
        yield pathlib.Path(path).stem, json.loads(pathlib.Path(path).read_text(encoding="utf-8"))


class Inventory(unittest.TestCase):
    def setUp(self):
        self.schema = strict(json.loads((ROOT / "docs/exchange.schema.json").read_text()))
        self.keys = list(self.schema["$defs"]["inventory"]["properties"])

    def test_the_schema_knows_every_key_and_its_type(self):
        seen = set()
        for name, inventory in machines():
            line = {"type": "machine", "version": 1, "id": name, **inventory}
            found = list(Schema(self.schema).errors(line, self.schema["$defs"]["machine"]))
            self.assertEqual(found, [], name)
            seen |= set(inventory)
        self.assertEqual(set(self.keys) - seen, {"truncated"})

    def test_keys_come_in_the_order_of_the_schema(self):
        for name, inventory in machines():
            self.assertEqual(list(inventory), [k for k in self.keys if k in inventory], name)

    def test_the_tables_name_every_key(self):
        text = (ROOT / "docs/exchange.md").read_text(encoding="utf-8")
        section = text.split("## Inventory in machine lines")[1].split("\n## ")[0]
        cells = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
        self.assertEqual(re.findall(r"`(\w+)`", " ".join(cells)), self.keys)
        why = (ROOT / "docs/inventory.md").read_text(encoding="utf-8")
        for key in self.keys:
            self.assertIn(f"`{key}`", why)

    def test_an_import_keeps_it_to_the_letter(self):
        with tempfile.TemporaryDirectory(prefix="skein-inventory-") as folder:
            db = f"{folder}/skein.db"
            lines = "".join(json.dumps({"type": "machine", "version": 1, "id": name, "name": name,
                                        **inventory}, ensure_ascii=False) + "\n"
                            for name, inventory in machines())
            subprocess.run([BUILD / "skein", "import", "--db", db, "-"], check=True,
                           input=lines.encode(), stdout=subprocess.DEVNULL)
            done = subprocess.run([BUILD / "skein", "machines", "--db", db, "--json=lines"],
                                  check=True, stdout=subprocess.PIPE)
        kept = {m["id"]: m for m in map(json.loads, done.stdout.decode().splitlines())}
        for name, inventory in machines():
            got = [(k, v) for k, v in kept[name].items() if k in self.keys]
            self.assertEqual(got, list(inventory.items()), name)


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=1).result
    bad = len(result.failures) + len(result.errors)
    print(f"inventory: {result.testsRun - bad} passed, {bad} failed")
    sys.exit(bool(bad))
