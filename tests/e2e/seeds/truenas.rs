//! TrueNAS: `account user` of its CLI, and `user.renew_2fa_secret` of its API.

use super::{Seed, does, refuses, seed};

pub(super) const COMMANDS: &[Seed] = &[
    seed(
        "account user has_local_administrator_set_up",
        &[does("roster admin status --json", &["\"local_administrator_set_up\":false"])],
    ),
    seed(
        "account user has_root_password",
        &[does("roster admin has-root-password --json", &["false", "admin status"])],
    ),
    seed(
        "account user setup_local_administrator username:admin password:passw0rt",
        &[
            refuses(2, "roster admin setup admin --password passw0rt", &["--password-stdin"]),
            does("echo \"$PASSWORD\" | roster admin setup admin --password-stdin", &[]),
            refuses(
                1,
                "echo \"$PASSWORD\" | roster admin setup admin --password-stdin",
                &["Local administrator is already set up."],
            ),
            does("roster admin status --json", &["\"local_administrator_set_up\":true"]),
            does("getent passwd admin", &["admin:x:"]),
        ],
    ),
    seed(
        "account user set_root_password",
        &[refuses(
            1,
            "echo \"$PASSWORD\" | roster admin set-root-password --password-stdin",
            &["admin setup"],
        )],
    ),
    seed(
        "account user create username=testuser full_name=\"Test User\" group_create=true \
         password=passwort1234",
        &[
            does(
                "echo \"$PASSWORD\" | roster user create testuser --uid 3500 \
                 --full-name 'Test User' --group-create --password-stdin",
                &[],
            ),
            does("getent passwd testuser", &["testuser:x:3500:3500:Test User:"]),
            does("getent group testuser", &["testuser:x:3500:"]),
            refuses(9, "roster user create testuser --password-disabled", &["testuser"]),
            refuses(4, "roster user create other --uid 3500 --password-disabled", &["uid"]),
        ],
    ),
    seed(
        "account user create uid= username= group= group_create= home= home_mode= home_create= \
         shell= full_name= email= password= password_disabled= locked= smb= sudo_commands= \
         sudo_commands_nopasswd= sshpubkey= groups= attributes=",
        &[
            does("roster group create staff2 --gid 4001 && roster group create news2", &[]),
            does("ssh-keygen -q -t ed25519 -N '' -C full@here -f /root/full", &[]),
            does(
                "echo \"$PASSWORD\" | roster user create full --uid 3600 --group staff2 \
                 --home /home/elsewhere --home-mode 750 --home-create --shell /bin/sh \
                 --full-name 'Full User' --email full@example.org --password-stdin \
                 --sudo /usr/bin/id --sudo-nopasswd '/usr/bin/uptime -p' \
                 --ssh-key \"$(cat /root/full.pub)\" --groups news2,users \
                 --attribute 'favorite_color=\"blue\"'",
                &[],
            ),
            does("getent passwd full", &["full:x:3600:4001:Full User:/home/elsewhere:/bin/sh"]),
            does("stat -c '%a %U %G' /home/elsewhere", &["750 full staff2"]),
            does("id -nG full", &["staff2", "news2", "users"]),
            does(
                "sudo -l -U full",
                &["(root) PASSWD: /usr/bin/id", "NOPASSWD: /usr/bin/uptime -p"],
            ),
            does("ssh-keygen -l -f /root/full.pub >/run/print; roster key list full", &["SHA256:"]),
            does("ssh -o StrictHostKeyChecking=no -i /root/full full@127.0.0.1 id -un", &["full"]),
            does("roster user attr get full favorite_color", &["blue"]),
            refuses(
                2,
                "roster user create x --password-disabled --password-stdin",
                &["--password"],
            ),
            does("roster user create keysonly --password-disabled --locked", &[]),
            does(
                "roster user show keysonly --json",
                &["\"password_disabled\":true", "\"locked\":true", "\"smb\":false"],
            ),
        ],
    ),
    seed(
        "account user get_instance id=1",
        &[
            does(
                "roster user show uid:3500 --json",
                &[
                    "\"uid\":3500",
                    "\"name\":\"testuser\"",
                    "\"builtin\":false",
                    "\"ssh_password_enabled\":false",
                    "\"twofactor_auth_configured\":false",
                    "\"local\":true",
                    "\"immutable\":false",
                    "\"sid\":null",
                    "\"nt_name\":null",
                    "\"sudo_commands_nopasswd\":[]",
                    "\"email\":null",
                ],
            ),
            // Root is not kept by Roster.
            refuses(6, "roster user show uid:0", &["no user number 0"]),
        ],
    ),
    seed(
        "account user get_instance --   (interactive arguments editor)",
        &[
            does(
                r#"printf '%s\n' '#!/bin/sh' 'sed -i "s/^#* *full_name *=.*/full_name = \"Edited User\"/" "$1"' \
                   >/root/editor; chmod 755 /root/editor; EDITOR=/root/editor roster user update testuser --edit"#,
                &[],
            ),
            does("getent passwd testuser", &["Edited User"]),
        ],
    ),
    seed("account user get_next_uid", &[does("roster user next-uid --json", &["\"uid\":300"])]),
    seed(
        "account user get_user_obj get_user_obj={\"uid\":3001}",
        &[does(
            "roster user passwd-entry uid:3600 --json",
            &[
                "\"pw_name\":\"full\"",
                "\"pw_uid\":3600",
                "\"pw_gid\":4001",
                "\"pw_gecos\":\"Full User\"",
                "\"pw_dir\":\"/home/elsewhere\"",
                "\"pw_shell\":\"/bin/sh\"",
            ],
        )],
    ),
    seed(
        "account user get_user_obj get_user_obj={\"username\":\"testuser\"}",
        &[does("roster user passwd-entry testuser", &["testuser", "3500"])],
    ),
    seed(
        "account user set_attribute id=3001 key=\"favorite_color\" value=\"blue\"",
        &[does("roster user attr set uid:3500 favorite_color blue --json", &["true"])],
    ),
    seed(
        "account user pop_attribute id=3001 key=\"favorite_color\"",
        &[
            does("roster user attr pop uid:3500 favorite_color --json", &["true"]),
            does("roster user attr pop uid:3500 favorite_color --json", &["false"]),
        ],
    ),
    seed(
        "account user provisioning_uri",
        &[
            does(
                "roster --json 2fa enroll testuser | tee /root/enrolment | field secret \
                 >/root/testuser.secret; cat /root/enrolment",
                &["\"uri\":\"otpauth://totp/"],
            ),
            does("code testuser | roster 2fa confirm testuser --code-stdin", &[]),
        ],
    ),
    seed(
        "account user verify_twofactor_token",
        &[
            // A code counts once: the next one is of a later step.
            does(
                "sleep 31; code testuser | roster 2fa verify testuser --code-stdin --json",
                &["\"valid\":true"],
            ),
            refuses(
                1,
                "echo 000000 | roster 2fa verify testuser --code-stdin --json",
                &["\"valid\":false"],
            ),
        ],
    ),
    seed(
        "user.renew_2fa_secret [username, {\"otp_digits\":8, \"interval\":60}]",
        &[
            does(
                "roster --json 2fa renew testuser --digits 8 --interval 60",
                &["\"digits\":8", "\"interval\":60", "\"secret\""],
            ),
            refuses(2, "roster 2fa renew testuser --digits 5", &["digits", "6..=8"]),
            refuses(2, "roster 2fa renew testuser --digits 9", &["digits", "6..=8"]),
            refuses(2, "roster 2fa renew testuser --interval 4", &["interval", "5..="]),
            // "This username must match the authenticated username": others' need a right.
            refuses(10, "roster 2fa renew full", &[]).by("testuser"),
            does("roster 2fa state testuser --json", &["\"enabled\":true"]),
        ],
    ),
    seed(
        "account user query",
        &[does("roster user query --json", &["\"total\":4", "\"testuser\"", "\"keysonly\""])],
    ),
    seed(
        "account user query uid",
        &[
            does("roster user query --options '{\"select\":[\"uid\"]}' --output plain", &["3500"]),
            does("roster user query --filter '[\"name\",\"=\",\"full\"]' --json", &["\"total\":1"]),
            refuses(1, "roster user query --filter '[\"unixhash\",\"^\",\"$\"]'", &["unixhash"]),
        ],
    ),
    seed(
        "account user shell_choices",
        &[does("roster user shells --json", &["\"/bin/bash\":\"bash\"", ":\"nologin\""])],
    ),
    seed(
        "account user shell_choices user_id=3000",
        &[does("roster user shells uid:3500 --json", &["\"/bin/bash\":\"bash\""])],
    ),
    seed(
        "account user update uid_or_username=3001 email=\"mail@email.com\"",
        &[
            does("roster user update uid:3500 --email mail@email.com", &[]),
            does("roster user show testuser --json", &["\"email\":\"mail@email.com\""]),
            refuses(1, "roster user update testuser --email mail@", &["email"]),
        ],
    ),
    seed(
        "account user delete id=3001 options={\"delete_group\":false}",
        &[
            does("roster user delete uid:3500 --keep-group --yes", &[]),
            refuses(2, "getent passwd testuser", &[]),
            does("getent group testuser", &["testuser:x:3500:"]),
        ],
    ),
    seed(
        "account user delete id=3001",
        &[
            does("roster user create another --uid 3700 --password-disabled", &[]),
            does("roster user delete uid:3700 --yes", &[]),
            refuses(2, "getent passwd another", &[]),
            refuses(2, "getent group another", &[]),
            refuses(6, "roster user show another", &[]),
        ],
    ),
];
