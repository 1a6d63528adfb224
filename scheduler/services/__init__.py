"""Services: what the program does. Each takes a Session and ``now``; none commits, none reads the clock."""
