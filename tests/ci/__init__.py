"""What CI systems are given: the action, the component, the examples of the docs."""
