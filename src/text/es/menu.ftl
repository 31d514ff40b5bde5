# El menú.
