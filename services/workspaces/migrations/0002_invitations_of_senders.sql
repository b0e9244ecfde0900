-- A pending invitation is good for as long as its sender may grant its role. Those whose sender may no longer are revoked
-- here once; from now on the transaction that takes the authority away revokes them.
UPDATE invitations AS invitation
SET status = 'revoked',
    settle_time = CURRENT_TIMESTAMP
WHERE invitation.status = 'pending'
    AND NOT EXISTS (
        SELECT
        FROM members AS sender
        WHERE sender.bucket = invitation.bucket
            AND sender.workspace_id = invitation.workspace_id
            AND sender.user_id = invitation.inviter_user_id
            AND (sender.role = 'owner' OR (sender.role = 'admin' AND invitation.role <> 'admin'))
    );

-- The pending invitations of one sender.
CREATE INDEX invitations_of_sender ON invitations (bucket, workspace_id, inviter_user_id) WHERE status = 'pending';
