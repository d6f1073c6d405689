"""From settings to components and outputs: the composition of one stack."""
