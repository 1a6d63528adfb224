"""Ways a letter leaves."""
