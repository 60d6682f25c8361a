"""Prints the JSON Schema of an OCSF class, made of the published schema: version, class, profiles."""

import json
import sys

from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

version, name, *profiles = sys.argv[1:]
print(json.dumps(OcsfJsonSchemaEmbedded(get_ocsf_schema(version)).get_class_schema(name, profiles)))
