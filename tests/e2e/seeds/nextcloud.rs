//! Nextcloud: `occ user:*`, `group:*` and `twofactorauth:*`.

use super::{Seed, does, later, refuses, seed};

pub(super) const COMMANDS: &[Seed] = &[
    seed(
        "occ user:add --display-name=\"Layla Smith\" --group=\"users\" --group=\"db-admins\" layla",
        &[
            refuses(
                1,
                "roster user create layla --password-disabled --groups users,db-admins",
                &["groups", "db-admins"],
            ),
            does(
                "echo \"$PASSWORD\" | roster user create layla --full-name 'Layla Smith' \
                 --groups users,db-admins --create-groups --home-create --ssh-password --password-stdin",
                &[],
            ),
            does("id -nG layla", &["users", "db-admins"]),
            does("roster user profile set layla displayname 'Layla Smith'", &[]),
        ],
    ),
    seed(
        "export OC_PASS=newpassword; occ user:add --password-from-env fred",
        &[does(
            "ROSTER_PASSWORD=$PASSWORD roster user create fred --full-name 'Fred Jones' \
             --password-from-env",
            &["other programs"],
        )],
    ),
    seed(
        "occ user:add layla --generate-password --email layla@example.tld",
        &[
            does(
                "roster user create stephanie --generate-password --email stephanie@example.org --json",
                &["\"password\":\"", "\"email\":\"stephanie@example.org\""],
            ),
            does("! roster user show stephanie --json | grep '\"password\"'", &[]),
        ],
    ),
    seed(
        "occ user:add layla --email layla@example.tld   (sends a welcome mail)",
        &[
            does("roster user create arthur --password-disabled --email arthur@example.tld", &[]),
            does("mailed arthur@example.tld", &["Hello arthur,", "roster user reset-password"]),
            does("roster user delete arthur --yes", &[]),
        ],
    ),
    seed(
        "occ user:resetpassword layla",
        &[does("echo \"$PASSWORD again\" | roster user password layla --password-stdin", &[])],
    ),
    seed(
        "occ user:resetpassword --password-from-env layla",
        &[does(
            // An earlier one, which the rules would refuse.
            "ROSTER_PASSWORD=$PASSWORD roster user password layla --password-from-env \
             --override-policy",
            &[],
        )],
    ),
    seed(
        "occ user:resetpassword --no-password layla",
        &[
            does("roster user password fred --clear", &[]),
            does("roster user show fred --json", &["\"password_disabled\":true"]),
        ],
    ),
    seed(
        "occ user:lastseen layla",
        &[
            does("roster user lastseen layla", &["layla has never logged in."]),
            does(
                "SSHPASS=$PASSWORD sshpass -e ssh -o StrictHostKeyChecking=no layla@127.0.0.1 id -un",
                &["layla"],
            ),
            does("roster user lastseen layla", &["layla's last login: 2"]),
        ],
    ),
    seed(
        "occ user:lastseen --all",
        &[does(
            "roster user lastseen --all",
            &["fred has never logged in.", "layla's last login: "],
        )],
    ),
    seed(
        "occ user:list",
        &[
            does("roster user list", &["layla", "Layla Smith", "Fred Jones"]),
            does("roster user list --limit 1 --offset 1 --json", &["\"total\":3", "\"layla\""]),
        ],
    ),
    seed(
        "occ user:disable <username>",
        &[does("roster user disable fred", &[]), refuses(1, "roster user disable fred", &["fred"])],
    ),
    seed(
        "occ user:list --disabled --info",
        &[
            does("roster user list --disabled --json", &["\"total\":1", "\"fred\""]),
            does("roster user list --disabled --json", &["\"local\":true", "\"enabled\":false"]),
        ],
    ),
    seed(
        "occ user:enable <username>",
        &[does("roster user enable fred", &[]), refuses(1, "roster user enable fred", &["fred"])],
    ),
    seed(
        "occ user:info layla",
        &[does(
            "roster user show layla --json",
            &[
                "\"name\":\"layla\"",
                "\"full_name\":\"Layla Smith\"",
                "\"enabled\":true",
                "\"db-admins\"",
                "\"first_login\":\"2",
                "\"last_login\":\"2",
                "\"home\":\"/home/layla\"",
            ],
        )],
    ),
    seed(
        "occ user:profile layla",
        &[does("roster user profile get layla", &["displayname", "Layla Smith"])],
    ),
    seed(
        "occ user:profile layla address Stuttgart",
        &[
            does("roster user profile set layla address Stuttgart", &[]),
            does("roster user profile set layla pronouns they/them", &[]).by("layla"),
        ],
    ),
    seed(
        "occ user:profile layla address",
        &[does("roster user profile get layla address", &["Stuttgart"])],
    ),
    seed(
        "occ user:profile layla address --delete",
        &[
            does("roster user profile delete layla address", &[]),
            refuses(
                1,
                "roster user profile delete layla address --error-if-not-exists",
                &["address"],
            ),
        ],
    ),
    seed(
        "occ user:setting layla settings email \"new-layla@example.tld\"",
        &[
            does("roster user setting set layla settings email new-layla@example.tld", &[]),
            does("roster user setting set layla core lang en", &[]),
            refuses(1, "roster user setting set layla core zone UTC --update-only", &["zone"]),
        ],
    ),
    seed(
        "occ user:setting layla",
        &[does("roster user setting get layla", &["core", "lang", "new-layla@example.tld"])],
    ),
    seed("occ user:setting layla core", &[does("roster user setting get layla core", &["en"])]),
    seed(
        "occ user:setting layla core lang",
        &[
            does("roster user setting get layla core lang", &["en"]),
            does("roster user setting get layla core zone --default-value UTC", &["UTC"]),
        ],
    ),
    seed(
        "occ user:setting layla settings email --delete",
        &[
            does("roster user setting delete layla settings email", &[]),
            does("! roster user setting get layla | grep new-layla", &[]),
        ],
    ),
    seed(
        "occ user:report",
        &[does(
            "roster user report --json",
            &["\"ours\":3", "\"disabled\":0", "\"active\":1", "\"homes\"", "\"files\""],
        )],
    ),
    seed(
        "occ user:add-app-password layla   (deprecated)",
        &[does("roster token create layla --name cli --json", &["\"token\":\""])],
    ),
    seed(
        "occ user:auth-tokens:list layla",
        &[does(
            "roster token list layla --json",
            &["\"name\":\"cli\"", "\"type\":\"app\"", "\"last_used_at\":null"],
        )],
    ),
    seed(
        "occ user:auth-tokens:add --name=\"Backup script\" layla",
        &[
            does("roster token create layla --name 'Backup script' --scope dovecot", &["only now"]),
            does("roster token list layla", &["Backup script", "dovecot"]),
        ],
    ),
    seed(
        "occ user:auth-tokens:delete layla 47",
        &[
            does(
                "id=$(roster token list layla --json | grep -o '\"id\":[0-9]*' | head -1)
                 roster token revoke layla \"${id#*:}\"",
                &["has ended"],
            ),
            refuses(1, "roster token revoke layla 4711", &["no token 4711"]),
        ],
    ),
    seed(
        "occ user:auth-tokens:delete layla --last-used-before=\"2024-01-01\"",
        &[
            does("roster token revoke layla --last-used-before 2024-01-01", &["nothing has ended"]),
            does("roster token revoke layla --last-used-before 2100-01-01", &["1 token of layla"]),
        ],
    ),
    later("occ user:clear-avatar-cache", "user avatar"),
    seed(
        "occ user:keys:verify layla",
        &[
            does("ssh-keygen -q -t ed25519 -N '' -f /root/layla", &[]),
            does("ssh-keygen -q -t ed25519 -N '' -f /root/other", &[]),
            does("roster key add layla --file /root/layla.pub", &[]),
            does("roster key verify layla --private-key /root/layla", &["matches"]),
            refuses(1, "roster key verify layla --private-key /root/other", &[]),
        ],
    ),
    seed(
        "occ user:sync-account-data",
        &[
            does("groupadd gone && roster group add-member gone layla && groupdel gone", &[]),
            does("roster user sync --all", &["layla"]),
            does("! roster user show layla --json | grep '\"gone\"'", &[]),
            does("roster user sync --all --limit 1 --offset 1", &["layla", "nothing to update"]),
        ],
    ),
    seed(
        "occ user:welcome layla",
        &[
            refuses(1, "roster user welcome layla", &["no mail address"]),
            does("roster user update layla --email layla@example.tld", &[]),
            does("roster user welcome layla", &[]),
            does("mailed layla@example.tld", &["From: roster@example.org", "Hello layla,"]),
        ],
    ),
    seed(
        "occ user:welcome --reset-password layla",
        &[
            does("roster user welcome --reset-password layla", &[]),
            does(
                "printf '%s\\n' \"$(token_of layla@example.tld)\" 'twelve quiet herons landing' \
                 | roster user reset-password --token-stdin",
                &["layla"],
            ),
            does(
                "SSHPASS='twelve quiet herons landing' sshpass -e ssh -o StrictHostKeyChecking=no \
                 layla@127.0.0.1 id -un",
                &["layla"],
            ),
        ],
    ),
    seed("occ group:add milliways", &[does("roster group create milliways", &[])]),
    seed(
        "occ group:adduser milliways layla",
        &[
            does("roster group add-member milliways layla", &[]),
            does("getent group milliways", &["layla"]),
        ],
    ),
    seed(
        "occ group:list",
        &[
            does("roster group list", &["milliways", "db-admins"]),
            does("roster group list --limit 1 --offset 0 --json", &["\"total\"", "\"db-admins\""]),
            does("roster group list --output json", &["\"gid\"", "\"members\""]),
        ],
    ),
    seed(
        "occ group:list milli",
        &[
            does("roster group list milli", &["milliways"]),
            does("! roster group list milli | grep db-admins", &[]),
        ],
    ),
    seed(
        "occ group:info admin",
        &[does("roster group show milliways --json", &["\"name\":\"milliways\"", "\"layla\""])],
    ),
    seed(
        "occ group:removeuser milliways layla",
        &[
            does("roster group remove-member milliways layla", &[]),
            does("! getent group milliways | grep layla", &[]),
        ],
    ),
    seed(
        "occ group:delete milliways",
        &[
            does("roster group add-member milliways layla", &[]),
            does("roster group delete milliways --yes", &[]),
            refuses(2, "getent group milliways", &[]),
            does("getent passwd layla", &["layla:x:"]),
            // "The admin group cannot be removed."
            does("roster group create wheel && roster group add-member wheel fred", &[]),
            refuses(1, "roster group delete wheel --yes", &["wheel"]),
            // Those of /etc/group are not Roster's to remove.
            refuses(1, "roster group delete sudo --yes", &["/etc/group"]),
        ],
    ),
    seed(
        "occ twofactorauth:state layla",
        &[
            does("roster 2fa state layla --json", &["\"enabled\":false", "totp", "recovery"]),
            does("roster --json 2fa enroll layla | field secret >/root/layla.secret", &[]),
            does("code layla | roster 2fa confirm layla --code-stdin", &[]),
            does("roster 2fa state layla --json", &["\"enabled\":true"]),
        ],
    ),
    seed(
        "occ twofactorauth:disable <uid> <provider_id>",
        &[
            does("roster 2fa disable layla totp", &[]),
            does("roster 2fa state layla --json", &["\"enabled\":false"]),
        ],
    ),
    seed(
        "occ twofactorauth:enable <uid> <provider_id>",
        &[
            does("roster 2fa enable layla totp", &[]),
            does("roster 2fa state layla --json", &["\"enabled\":true"]),
        ],
    ),
    seed(
        "occ twofactorauth:enforce --on",
        &[
            does("roster 2fa enforce --on", &[]),
            does("roster 2fa enforce --json", &["\"enforced\":true", "\"groups\":[]"]),
            does("roster 2fa state fred --json", &["\"enabled\":false", "\"enforced\":true"]),
            does("getent group roster-2fa", &["fred", "layla"]),
        ],
    ),
    seed(
        "occ twofactorauth:enforce --on --group=admin --exclude=service-accounts",
        &[
            does("roster group create administrators && roster group create service-accounts", &[]),
            does("roster group add-member administrators fred", &[]),
            does(
                "roster 2fa enforce --on --group administrators --exclude service-accounts --json",
                &["\"groups\":[\"administrators\"]", "\"excluded\":[\"service-accounts\"]"],
            ),
            does("roster 2fa state fred --json", &["\"enforced\":true"]),
            does("roster group add-member service-accounts fred", &[]),
            does("roster 2fa state fred --json", &["\"enforced\":false"]),
            does("roster 2fa state layla --json", &["\"enforced\":false"]),
            refuses(1, "roster 2fa enforce --on --group nosuchgroup", &["nosuchgroup"]),
            refuses(10, "roster 2fa enforce --off", &[]).by("layla"),
        ],
    ),
    seed(
        "occ twofactorauth:enforce --off",
        &[
            does("roster 2fa enforce --off", &[]),
            does("roster 2fa enforce --json", &["\"enforced\":false", "\"groups\":[]"]),
        ],
    ),
    seed(
        "occ twofactorauth:cleanup <provider_id>",
        &[
            does("roster 2fa cleanup recovery --yes --json", &["\"users\":1"]),
            does(
                "roster 2fa state layla --json",
                &["\"enabled\":true", "\"recovery_codes_left\":0"],
            ),
            does("roster 2fa cleanup totp --yes --json", &["\"users\":1"]),
            does("roster 2fa state layla --json", &["\"enabled\":false"]),
        ],
    ),
    seed(
        "occ user:delete layla",
        &[
            does("roster user delete layla --yes", &[]),
            refuses(2, "getent passwd layla", &[]),
            does("roster user restore layla", &[]),
            does("getent passwd layla", &["Layla Smith"]),
        ],
    ),
];
