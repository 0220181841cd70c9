"""Notifications: rules that turn events into deliveries, and Apprise that delivers them. A plugin like any other."""
