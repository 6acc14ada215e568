"""What tests of several rooms share: servers, people, an inbox."""
