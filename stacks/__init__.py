"""What is wanted: a stack's YAML as typed settings, and the composition of components from them."""
