"""The object stores of the clouds: they hand an object to a machine whose identity may read it."""
