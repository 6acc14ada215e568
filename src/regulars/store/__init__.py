"""Tables, transactions, migrations and bulk import. Knows SQL; decides nothing about the business."""
