/* What is wrong with options, before anything is opened with them. */
#include "options.h"
#include "settings.h"

/* An election's texts lie in its own options, of which the caller has none. */
static int32_t check_election(elect_options_t *options)
{
    struct elect__settings *settings;
    elect_options_t *election = elect_options_new();
    if (!election) {
        elect__options_fail(options, "%s", elect_code_text(ELECT_ENOMEM));
        return ELECT_ENOMEM;
    }
    int32_t code = elect__settings_resolve(options, election, NULL, &settings);
    elect__options_fail(options, "%s", elect_options_error(election));
    elect_options_free(election);
    elect__settings_free(settings);
    return code;
}

int32_t elect_options_check(elect_options_t *options)
{
    struct elect__settings *settings;
    if (!options)
        return ELECT_EINVAL;
    int32_t code = elect__settings_resolve(options, NULL, NULL, &settings);
    bool named = code == ELECT_OK && *settings->name;
    elect__settings_free(settings);
    return named ? check_election(options) : code;
}
