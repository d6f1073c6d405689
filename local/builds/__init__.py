"""What images are built with: the builder, the network of build steps, the base image."""
