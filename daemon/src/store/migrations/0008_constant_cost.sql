-- What a change looks for is found without a walk over everybody.
CREATE INDEX sudo_rules_by_gid ON sudo_rules (gid) WHERE gid IS NOT NULL;
CREATE INDEX local_members_by_name ON local_members (user_name);
CREATE INDEX host_group_members_by_group ON host_group_members (group_name, gid);
CREATE INDEX host_group_members_by_number ON host_group_members (gid);

-- The first number from 3000 on that was never given out, without a walk over a million that were.
INSERT INTO counts VALUES ('free_uid', 3000), ('free_gid', 3000);
UPDATE counts SET number = (
        SELECT uid + 1 FROM used_uids AS a WHERE uid >= 3000
        AND NOT EXISTS (SELECT 1 FROM used_uids AS b WHERE b.uid = a.uid + 1) ORDER BY uid LIMIT 1)
    WHERE what = 'free_uid' AND EXISTS (SELECT 1 FROM used_uids WHERE uid = 3000);
UPDATE counts SET number = (
        SELECT gid + 1 FROM used_gids AS a WHERE gid >= 3000
        AND NOT EXISTS (SELECT 1 FROM used_gids AS b WHERE b.gid = a.gid + 1) ORDER BY gid LIMIT 1)
    WHERE what = 'free_gid' AND EXISTS (SELECT 1 FROM used_gids WHERE gid = 3000);
CREATE TRIGGER uids_go AFTER INSERT ON used_uids
    WHEN new.uid = (SELECT number FROM counts WHERE what = 'free_uid')
    BEGIN UPDATE counts SET number = (
        SELECT uid + 1 FROM used_uids AS a WHERE uid >= new.uid
        AND NOT EXISTS (SELECT 1 FROM used_uids AS b WHERE b.uid = a.uid + 1) ORDER BY uid LIMIT 1)
    WHERE what = 'free_uid'; END;
CREATE TRIGGER gids_go AFTER INSERT ON used_gids
    WHEN new.gid = (SELECT number FROM counts WHERE what = 'free_gid')
    BEGIN UPDATE counts SET number = (
        SELECT gid + 1 FROM used_gids AS a WHERE gid >= new.gid
        AND NOT EXISTS (SELECT 1 FROM used_gids AS b WHERE b.gid = a.gid + 1) ORDER BY gid LIMIT 1)
    WHERE what = 'free_gid'; END;
