# The menu.
