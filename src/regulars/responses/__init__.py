"""What clients answer by the links of emails: clicks, survey answers, answers about visits."""
