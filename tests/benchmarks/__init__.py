"""What Regdex does in a second, each beside a bare counterpart measured in the same run."""
