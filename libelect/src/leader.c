#include "leader.h"
#include "env.h"
#include <stdlib.h>
#include <string.h>

static const char *put(char **next, const char *text)
{
    size_t length = strlen(text) + 1;
    char *at = memcpy(*next, text, length);
    *next += length;
    return at;
}

elect_leader_t *elect__leader_new(const struct elect__leader_view *view, int64_t read_at_ns)
{
    size_t size = strlen(view->instance_id) + strlen(view->hostname) + strlen(view->address) + strlen(view->metadata);
    elect_leader_t *leader = malloc(sizeof *leader + size + 4);
    if (!leader)
        return NULL;
    char *next = (char *)(leader + 1);
    *leader = (elect_leader_t){.view = *view, .read_at_ns = read_at_ns};
    leader->view.instance_id = put(&next, view->instance_id);
    leader->view.hostname = put(&next, view->hostname);
    leader->view.address = put(&next, view->address);
    leader->view.metadata = put(&next, view->metadata);
    return leader;
}

elect_leader_t *elect__leader_copy(const elect_leader_t *leader, const struct elect__env *env)
{
    elect_leader_t *copy = elect__leader_new(&leader->view, leader->read_at_ns);
    if (copy) {
        copy->age_ns = env->boot_ns(env->ctx) - leader->read_at_ns;
        copy->aged_at_ns = elect__system_env.boot_ns(NULL);
    }
    return copy;
}

const char *elect_leader_instance_id(const elect_leader_t *leader)
{
    return leader ? leader->view.instance_id : "";
}

const char *elect_leader_hostname(const elect_leader_t *leader)
{
    return leader ? leader->view.hostname : "";
}

const char *elect_leader_address(const elect_leader_t *leader)
{
    return leader ? leader->view.address : "";
}

const char *elect_leader_metadata(const elect_leader_t *leader)
{
    return leader ? leader->view.metadata : "";
}

uint64_t elect_leader_epoch(const elect_leader_t *leader)
{
    return leader ? leader->view.epoch : 0;
}

int64_t elect_leader_started_at_ms(const elect_leader_t *leader)
{
    return leader ? leader->view.started_at_ms : 0;
}

int64_t elect_leader_last_heartbeat_ms(const elect_leader_t *leader)
{
    return leader ? leader->view.last_heartbeat_ms : 0;
}

int64_t elect_leader_age_ms(const elect_leader_t *leader)
{
    if (!leader)
        return 0;
    return (leader->age_ns + elect__system_env.boot_ns(NULL) - leader->aged_at_ns) / ELECT__MS;
}

void elect_leader_free(elect_leader_t *leader)
{
    free(leader);
}
