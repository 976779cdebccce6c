"""Removes the donation addresses that npm writes into a package-lock.json. npm has no option to leave them out.

python requirements/without_addresses.py FILE
"""

import json
import sys
from pathlib import Path

path = Path(sys.argv[1])
lock = json.loads(path.read_text())
for package in lock["packages"].values():
    package.pop("funding", None)
path.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n")
