"""What exists: the resources of Skycoin's images and nodes, one public component a file.

Components read no configuration, export nothing and build no providers; `stacks/` does.
"""
