package elect

import (
	"context"
	"encoding/json"
	"net/http"
)

// HealthHandler answers {"is_leader", "instance_id", "leader_info"} of an election, or 500 when nobody leads or the
// store does not say who. It asks as GetLeaderInfo does, and waits no longer than the request's context.
func HealthHandler(election LeaderElection) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, err := leaderWithin(r.Context(), election)
		if err != nil {
			http.Error(w, "Failed to get leader info: "+err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(map[string]any{ // a reader that went away
			"is_leader":   election.IsLeader(),
			"instance_id": election.GetInstanceID(),
			"leader_info": info,
		})
	})
}

func leaderWithin(ctx context.Context, election LeaderElection) (*LeaderInfo, error) {
	if ours, ok := election.(*Election); ok {
		return ours.leaderWithin(ctx)
	}
	return election.GetLeaderInfo()
}
