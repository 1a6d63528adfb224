"""Programme files and the desk: what each of them has changed since the file was last applied."""
