"""Results to text and JSON. Renderers return strings."""
