"""What can be asked of notifications. Importing this module adds the operations to the registry."""
