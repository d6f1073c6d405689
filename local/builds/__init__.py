"""Tools of image builds: the builder, the network of build steps, the base image."""
