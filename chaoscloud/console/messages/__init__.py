"""Messages to others about what happens here: events, who subscribed, the outbox, its delivery.

`events` says which there are, `subscriptions` who wants them, `outbox` writes messages in the
transaction of the change they tell of, `delivery` sends them to `targets`. What the console keeps
(`records`) calls `outbox.add_event` and knows nothing of targets.
"""
