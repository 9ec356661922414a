"""Copies a model, and gives one of its heads to another route: an artifact for a capability that nobody has trained for.

Arguments: the model's folder, the new folder, the head's route, the new route.
"""

import hashlib
import json
import pathlib
import struct
import sys

source, target, old, new = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
card = json.loads((source / "card.json").read_text())
data = (source / card["weights"]["file"]).read_bytes()
length = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + length])
header["__metadata__"]["card"] = target.name
renamed = {name.replace(f".{old}.", f".{new}."): value for name, value in header.items()}
text = json.dumps(renamed, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
weights = struct.pack("<Q", len(text)) + text + data[8 + length:]
digest = hashlib.sha256(weights).hexdigest()
for head in card["heads"]:
    if f"{head['capability']}/{head['task']}" == old:
        head["capability"], head["task"] = new.split("/")
card["name"], card["version"] = target.name, f"1.0.0+{digest[:12]}"
if "capability" in card:
    card["capability"] = new.split("/")[0]
card["weights"] |= {"sha256": digest, "bytes": len(weights)}
target.mkdir()
(target / card["weights"]["file"]).write_bytes(weights)
(target / "card.json").write_text(json.dumps(card))
