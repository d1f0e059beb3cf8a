"""What is printed: plans and compiled nodes as text and as markdown."""
