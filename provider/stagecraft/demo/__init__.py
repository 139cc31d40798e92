"""A local Airflow, and the demo that runs in it."""
