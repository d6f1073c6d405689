"""`skyinfra workspace`: development workspaces, and the files by which editors open them."""
