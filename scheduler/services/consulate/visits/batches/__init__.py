"""What many do at the same moment: decided one after the other in memory, written with a few statements for all."""
