"""The project's own provider `skycoin`: steps that must look at the world or compare it with the past."""
