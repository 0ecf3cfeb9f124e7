"""What a view shows, in numbers and in words, whoever draws it."""
