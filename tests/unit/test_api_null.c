/* Every function that takes something by its address is given NULL; tests/abi/run looks whether this list is whole. */
#include "api.h"

Test(api_null, never_crashes_options)
{
    elect_options_t *options = elect_options_new();
    cr_assert_eq(elect_options_set(NULL, "lock_ttl", "10s"), ELECT_EINVAL);
    cr_assert_eq(elect_options_set(options, NULL, "10s"), ELECT_EINVAL);
    cr_assert_eq(elect_options_set(options, "lock_ttl", NULL), ELECT_OK, "NULL unsets");
    cr_assert_eq(elect_options_load_env(NULL), ELECT_EINVAL);
    cr_assert_str_eq(elect_options_get(NULL, NULL), "");
    cr_assert_null(elect_options_get(options, NULL));
    cr_assert_str_eq(elect_options_get(NULL, "lock_ttl"), "");
    cr_assert_eq(elect_options_check(NULL), ELECT_EINVAL);
    cr_assert_str_eq(elect_options_error(NULL), "");
    elect_options_free(NULL);
    elect_options_free(options);
}

Test(api_null, never_crashes_a_client)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_options_t *options = elect_options_new();
    elect_client_t *no_client;
    elect_election_t *no_election;
    elect_event_t *event;
    char *text;
    cr_assert_eq(elect_client_open(NULL, &no_client), ELECT_EINVAL);
    cr_assert_null(no_client);
    cr_assert_eq(elect_client_open(options, NULL), ELECT_EINVAL);
    cr_assert_eq(elect_client_update(NULL, options), ELECT_EINVAL);
    cr_assert_eq(elect_client_update(client, NULL), ELECT_EINVAL);
    cr_assert_eq(elect_client_close(NULL, 0), ELECT_EINVAL);
    elect_client_free(NULL);
    cr_assert_eq(elect_client_report(NULL, "store", 0, &text), ELECT_EINVAL);
    cr_assert_null(text);
    cr_assert_eq(elect_client_report(client, NULL, 0, &text), ELECT_EINVAL);
    cr_assert_eq(elect_client_report(client, "nonsense", 0, &text), ELECT_EINVAL);
    cr_assert_eq(elect_client_report(client, "store", 0, NULL), ELECT_EINVAL);
    cr_assert_eq(elect_client_forget(NULL, "a", 0), ELECT_EINVAL);
    cr_assert_eq(elect_client_forget(client, NULL, 0), ELECT_EINVAL);
    elect_string_free(NULL);
    cr_assert_eq(elect_client_on_log(NULL, NULL, NULL, NULL), ELECT_EINVAL);
    cr_assert_eq(elect_client_next_event(NULL, 0, &event), ELECT_EINVAL);
    cr_assert_eq(elect_client_next_event(client, 0, NULL), ELECT_EINVAL);
    cr_assert_lt(elect_client_event_fd(NULL), 0);
    cr_assert_eq(elect_memory_command(NULL, "wipe"), ELECT_EINVAL);
    cr_assert_eq(elect_memory_command(client, NULL), ELECT_EINVAL);
    cr_assert_eq(elect_election_new(NULL, options, &no_election), ELECT_EINVAL);
    cr_assert_eq(elect_election_new(client, NULL, &no_election), ELECT_EINVAL);
    cr_assert_eq(elect_election_new(client, options, NULL), ELECT_EINVAL);
    elect_options_free(options);
    close_client(client);
}

Test(api_null, never_crashes_an_election)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_election_t *election = make_election(client, "name=a");
    elect_options_t *options = elect_options_new();
    elect_leader_t *leader;
    char *text;
    cr_assert_eq(elect_election_update(NULL, options), ELECT_EINVAL);
    cr_assert_eq(elect_election_update(election, NULL), ELECT_EINVAL);
    cr_assert_eq(elect_election_on_event(NULL, NULL, NULL, NULL), ELECT_EINVAL);
    cr_assert_eq(elect_election_on_event(election, NULL, NULL, NULL), ELECT_EINVAL);
    cr_assert_eq(elect_election_queue_events(NULL, 1), ELECT_EINVAL);
    cr_assert_eq(elect_election_queue_events(election, 0), ELECT_EINVAL);
    cr_assert_eq(elect_election_start(NULL), ELECT_EINVAL);
    cr_assert_eq(elect_election_stop(NULL), ELECT_EINVAL);
    cr_assert_eq(elect_election_join(NULL, 0), ELECT_EINVAL);
    cr_assert_eq(elect_election_resign(NULL, 0, 0), ELECT_EINVAL);
    cr_assert_eq(elect_election_resign(election, 0, -1), ELECT_EINVAL);
    cr_assert_eq(elect_election_wait(NULL, 0), ELECT_EINVAL);
    cr_assert_eq(elect_election_depose(NULL, 0, 0), ELECT_EINVAL);
    cr_assert_eq(elect_election_report(NULL, "status", 0, &text), ELECT_EINVAL);
    cr_assert_eq(elect_election_report(election, NULL, 0, &text), ELECT_EINVAL);
    cr_assert_eq(elect_election_report(election, "nonsense", 0, &text), ELECT_EINVAL);
    cr_assert_eq(elect_election_report(election, "status", 0, NULL), ELECT_EINVAL);
    elect_election_free(NULL);
    cr_assert_eq(elect_election_is_leader(NULL), 0);
    cr_assert_eq(elect_election_check(NULL, NULL, NULL), 0);
    cr_assert_eq(elect_election_epoch(NULL), 0);
    cr_assert_eq(elect_election_lease_ms(NULL), 0);
    cr_assert_str_eq(elect_election_name(NULL), "");
    cr_assert_str_eq(elect_election_instance_id(NULL), "");
    cr_assert_eq(elect_election_observes(NULL), 0);
    cr_assert_eq(elect_election_time_ms(NULL, "lock_ttl"), -1);
    cr_assert_eq(elect_election_leader(NULL, 0, 0, &leader), ELECT_EINVAL);
    cr_assert_eq(elect_election_leader(election, 0, 0, NULL), ELECT_EINVAL);
    elect_options_free(options);
    elect_election_free(election);
    close_client(client);
}

Test(api_null, never_crashes_plain_data)
{
    elect_leader_free(NULL);
    elect_event_free(NULL);
    cr_assert_null(elect_event_keep(NULL));
    cr_assert_null(elect_event_leader(NULL));
    cr_assert_eq(elect_event_kind(NULL), 0);
    cr_assert_eq(elect_event_tag(NULL), 0);
    cr_assert_eq(elect_event_epoch(NULL), 0);
    cr_assert_eq(elect_event_reason(NULL), 0);
    cr_assert_eq(elect_event_code(NULL), ELECT_EINVAL);
    cr_assert_eq(elect_event_level(NULL), 0);
    cr_assert_str_eq(elect_event_text(NULL), "");
    cr_assert_str_eq(elect_event_fields(NULL), "");
    cr_assert_str_eq(elect_leader_instance_id(NULL), "");
    cr_assert_str_eq(elect_leader_hostname(NULL), "");
    cr_assert_str_eq(elect_leader_address(NULL), "");
    cr_assert_str_eq(elect_leader_metadata(NULL), "");
    cr_assert_eq(elect_leader_epoch(NULL), 0);
    cr_assert_eq(elect_leader_started_at_ms(NULL), 0);
    cr_assert_eq(elect_leader_last_heartbeat_ms(NULL), 0);
    cr_assert_eq(elect_leader_age_ms(NULL), 0);
}

Test(api_null, never_crashes_a_store_of_ones_own)
{
    elect_client_t *client = open_client(MANUAL, "");
    elect_op_t *op;
    cr_assert_eq(elect_client_next_op(NULL, 0, &op), ELECT_EINVAL);
    cr_assert_null(op);
    cr_assert_eq(elect_client_next_op(client, 0, NULL), ELECT_EINVAL);
    cr_assert_eq(elect_client_op_fd(NULL), ELECT_EINVAL);
    cr_assert_eq(elect_client_key_changed(NULL, "key"), ELECT_EINVAL);
    cr_assert_eq(elect_client_key_changed(client, NULL), ELECT_EINVAL);
    cr_assert_eq(elect_op_kind(NULL), 0);
    cr_assert_str_eq(elect_op_key(NULL), "");
    cr_assert_str_eq(elect_op_value(NULL), "");
    cr_assert_str_eq(elect_op_version(NULL), "");
    cr_assert_eq(elect_op_remaining_ms(NULL), 0);
    elect_op_complete(NULL, ELECT_OK, "1", "", "");
    close_client(client);
}
