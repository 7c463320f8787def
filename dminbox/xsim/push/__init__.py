"""What X pushes: subscriptions to the activity of users, the stream and the webhooks it goes out on."""
