"""How a node reaches the pods of another one: a backend compiles the topology into links, routes and what they need."""
