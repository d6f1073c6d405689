"""Reviews of changes: from a preview, a page of everything that would be rebuilt, published and restarted."""
