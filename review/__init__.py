"""What a person reads of a stack: records of what it published."""
