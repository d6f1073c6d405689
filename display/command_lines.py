"""Command lines that messages and outputs name, as users type them."""

DEFAULT_STACK = "local"


def skyinfra(stack: str, *words: str) -> str:
    """Command line of `./skyinfra` for a stack, such as `./skyinfra wallet copies node-1 -s mine`.

    The default stack is not named.
    """
    return " ".join(["./skyinfra", *words, *([] if stack == DEFAULT_STACK else ["-s", stack])])
