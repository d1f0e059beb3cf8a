"""What people read: plans and compiled nodes as text and as markdown."""
