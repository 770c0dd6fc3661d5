"""The local runner: a broker as a JVM process, every program as a child process, and the demo."""
