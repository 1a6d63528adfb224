"""What officers find from every page of the desk."""
