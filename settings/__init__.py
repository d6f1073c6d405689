"""A stack's YAML as typed values, and every rule over them. Makes no resource."""
