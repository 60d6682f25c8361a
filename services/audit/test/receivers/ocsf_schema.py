"""Prints the JSON Schemas of OCSF classes by class_uid, made of the published schema: version, profile, classes."""

import json
import sys

from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

version, profile, *names = sys.argv[1:]
schema = get_ocsf_schema(version)
schemas = OcsfJsonSchemaEmbedded(schema)
print(json.dumps({schema["classes"][name]["uid"]: schemas.get_class_schema(name, [profile]) for name in names}))
