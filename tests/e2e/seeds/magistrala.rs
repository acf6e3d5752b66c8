//! Magistrala: `users` of its CLI. Where it takes a token, the caller is known by its uid here.

use super::{Seed, does, later, refuses, seed};

pub(super) const COMMANDS: &[Seed] = &[
    seed(
        "magistrala-cli users create jane doe janicedoe@example.com janicedoe 12345678",
        &[
            refuses(
                1,
                "echo 1234567 | roster user create janicedoe --password-stdin",
                &["password"],
            ),
            does(
                "echo \"$PASSWORD\" | roster user create janicedoe --first-name jane --last-name doe \
                 --email janicedoe@example.com --ssh-password --password-stdin --json",
                &[
                    "\"name\":\"janicedoe\"",
                    "\"first_name\":\"jane\"",
                    "\"last_name\":\"doe\"",
                    "\"full_name\":\"jane doe\"",
                    "\"role\":\"user\"",
                    "\"enabled\":true",
                    "\"created_at\":\"2",
                ],
            ),
            does(
                "echo \"$PASSWORD\" | roster user create boss --role admin --password-stdin",
                &[],
            ),
        ],
    ),
    seed(
        "magistrala-cli users token admin 12345678",
        &[
            does(
                "echo \"$PASSWORD\" | roster login janicedoe@example.com --password-stdin --json",
                &["\"access_token\":\"roster_at_", "\"refresh_token\":\"roster_rt_"],
            ),
            does(
                "echo \"$PASSWORD\" | roster login janicedoe --password-stdin --json >/root/login
                 field access_token </root/login | roster whoami --token-stdin --json",
                &["\"user\":\"janicedoe\""],
            ),
            refuses(1, "echo 12345678 | roster login janicedoe --password-stdin", &["refused"]),
        ],
    ),
    seed(
        "magistrala-cli users refreshtoken <refresh_token>",
        &[
            does("field refresh_token </root/login | roster refresh --token-stdin --json", &[
                "\"access_token\":\"roster_at_",
                "\"refresh_token\":\"roster_rt_",
            ]),
            refuses(1, "field refresh_token </root/login | roster refresh --token-stdin", &[
                "not valid",
            ]),
        ],
    ),
    seed(
        "magistrala-cli users <user_id> get <user_auth_token>",
        &[
            does("roster user show id:$(id_of janicedoe) --json", &["\"name\":\"janicedoe\""]),
            does("roster user show janicedoe --json", &["\"jane\""]).by("boss"),
            refuses(10, "roster user show boss", &[]).by("janicedoe"),
        ],
    ),
    seed(
        "magistrala-cli users all get <user_token>",
        &[
            does("roster user list --limit 10 --json", &[
                "\"limit\":10",
                "\"offset\":0",
                "\"total\":2",
                "\"users\":[",
            ])
            .by("boss"),
            refuses(10, "roster user list", &[]).by("janicedoe"),
        ],
    ),
    seed(
        "magistrala-cli users <user_id> update '{\"first_name\":\"Janice\", \"last_name\":\"Doe\"}' \
         <user_token>",
        &[
            does(
                "roster user update id:$(id_of janicedoe) --first-name Janice --last-name Doe",
                &[],
            ),
            does("getent passwd janicedoe", &["Janice Doe"]),
        ],
    ),
    seed(
        "magistrala-cli users <user_id> update '{\"metadata\":{\"value2\":\"value3\"}}' <user_token>",
        &[
            does("roster user update janicedoe --attribute 'aoty=\"1\"'", &[]),
            does("roster user show janicedoe --json", &["\"aoty\":\"1\""]),
        ],
    ),
    seed(
        "magistrala-cli users <user_id> update tags '[\"light 1\", \"light 2\"]' <user_token>",
        &[
            does("roster user update janicedoe --tag 'light 1' --tag 'light 2'", &[]),
            does("roster user query --filter '[\"tags\",\"rin\",\"light 2\"]' --json", &[
                "\"total\":1",
                "\"light 1\"",
            ]),
        ],
    ),
    seed(
        "magistrala-cli users <user_id> update email Janice@example.com <user_token>",
        &[
            does("roster user update janicedoe --email Janice@example.com", &[]),
            does("roster user show janicedoe --json", &["\"email_verified\":false"]),
        ],
    ),
    seed(
        "magistrala-cli users <user_id> update username Janice <user_token>",
        &[
            // Login names are lower case (POSIX utilities take others apart).
            refuses(1, "roster user update janicedoe --name Janice", &["name"]),
            does("id_of janicedoe >/root/before; id -u janicedoe >>/root/before", &[]),
            does("roster user update janicedoe --name janice", &[]),
            does("{ id_of janice; id -u janice; } | diff /root/before -", &[]),
            refuses(2, "getent passwd janicedoe", &[]),
        ],
    ),
    seed(
        "magistrala-cli users password <old_password> <password> <user_token>",
        &[
            does(
                "cd /tmp; printf '%s\\n' \"$PASSWORD\" 'eleven quiet herons' 'eleven quiet herons' >own; \
                 expect -c 'spawn -noecho roster user password' \
                 -c 'set f [open own]; expect \":\"; send \"[gets $f]\\r\"; expect \":\"; \
                 send \"[gets $f]\\r\"; expect \":\"; send \"[gets $f]\\r\"; expect eof; \
                 lassign [wait] a b c status; exit $status'",
                &[],
            )
            .by("janice"),
            does(
                "SSHPASS='eleven quiet herons' sshpass -e ssh -o StrictHostKeyChecking=no \
                 janice@127.0.0.1 id -un",
                &["janice"],
            ),
        ],
    ),
    seed(
        "magistrala-cli users resetpasswordrequest <email>",
        &[
            does("roster user forgot-password nobody@example.com", &["a mail", "on its way"]),
            does("roster user forgot-password janice@example.com", &["a mail", "on its way"]),
            does("mailed Janice@example.com", &["User name: janice"]),
        ],
    ),
    seed(
        "magistrala-cli users resetpassword <password> <confpass> <token>",
        &[
            does(
                "printf '%s\\n' \"$(token_of Janice@example.com)\" 'twelve quiet herons landing' \
                 | roster user reset-password --token-stdin",
                &["janice"],
            ),
            refuses(
                1,
                "printf '%s\\n' \"$(token_of Janice@example.com)\" 'twelve quiet herons rising' \
                 | roster user reset-password --token-stdin",
                &["token"],
            ),
        ],
    ),
    seed(
        "magistrala-cli users <user_id> disable <user_auth_token>",
        &[
            does("roster user disable janice", &[]).by("boss"),
            does("roster user show janice --json", &["\"enabled\":false"]),
        ],
    ),
    seed(
        "magistrala-cli users <user_id> enable <user_auth_token>",
        &[
            does("roster user enable janice", &[]).by("boss"),
            does("roster user show janice --json", &["\"enabled\":true"]),
        ],
    ),
    seed(
        "magistrala-cli users profile <user_token>",
        &[does("roster whoami --json", &["\"name\":\"janice\"", "\"Janice\""]).by("janice")],
    ),
    seed(
        "magistrala-cli users search <query> <user_token>",
        &[
            does("roster user search jani --json", &["\"total\":1", "\"janice\""]).by("boss"),
            does("roster user search 'light 1' --json", &["\"total\":1"]),
            refuses(10, "roster user search jani", &[]).by("janice"),
        ],
    ),
    seed(
        "magistrala-cli users <user_id> delete <user_auth_token>",
        &[
            refuses(10, "roster user delete boss --yes", &[]).by("janice"),
            does("roster user delete id:$(id_of janice) --yes", &[]).by("boss"),
            refuses(6, "roster user show janice", &[]),
        ],
    ),
];
