"""From YAML to objects: `yaml_parse` is the one door."""
