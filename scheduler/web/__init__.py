"""Pages: server-rendered, in four languages, without a script that anything depends on."""
