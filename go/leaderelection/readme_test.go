package leaderelection_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libelect/libelect/go/leaderelection"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

// ---- as its users write it ----

type Application struct {
	leaderElection leaderelection.LeaderElection
	ctx            context.Context
	logger         *zap.Logger
	ended          chan error
}

func (app *Application) Start() {
	go func() {
		err := app.leaderElection.Start(app.ctx)
		if err != nil {
			app.logger.Error("Leader election error", zap.Error(err))
		}
		app.ended <- err
	}()
}

type Service struct {
	leaderElection leaderelection.LeaderElection
	aggregated     atomic.Int32
}

func (s *Service) PerformTask() {
	if s.leaderElection.IsLeader() {
		s.aggregated.Add(1)
	}
}

func (s *Service) GetLeaderStatus() (*leaderelection.LeaderInfo, error) {
	info, err := s.leaderElection.GetLeaderInfo()
	if err != nil {
		return nil, err
	}
	_ = fmt.Sprintf("Leader: %s (%s)\n", info.InstanceID, info.Hostname)
	_ = fmt.Sprintf("Started: %s\n", info.StartedAt)
	_ = fmt.Sprintf("Last Heartbeat: %s\n", info.LastHeartbeat)
	return info, nil
}

type HealthHandler struct {
	leaderElection leaderelection.LeaderElection
}

func (h *HealthHandler) LeaderElectionHealth(w http.ResponseWriter, r *http.Request) {
	info, err := h.leaderElection.GetLeaderInfo()
	if err != nil {
		http.Error(w, "Failed to get leader info", http.StatusInternalServerError)
		return
	}
	response := map[string]interface{}{
		"is_leader":   h.leaderElection.IsLeader(),
		"instance_id": h.leaderElection.GetInstanceID(),
		"leader_info": info,
	}
	json.NewEncoder(w).Encode(response)
}

// The configuration that an application fills from LEADER_ELECTION_LOCK_TTL and so on.
type appConfig struct {
	LeaderElection struct {
		LockTTL           time.Duration `env:"LEADER_ELECTION_LOCK_TTL" envDefault:"10s"`
		HeartbeatInterval time.Duration `env:"LEADER_ELECTION_HEARTBEAT_INTERVAL" envDefault:"3s"`
		RetryInterval     time.Duration `env:"LEADER_ELECTION_RETRY_INTERVAL" envDefault:"2s"`
		InstanceID        string        `env:"LEADER_ELECTION_INSTANCE_ID" envDefault:""`
		Hostname          string        `env:"LEADER_ELECTION_HOSTNAME" envDefault:""`
	}
}

// ProvideLeaderElection is the one that is theirs to write, as it takes their own configuration.
func ProvideLeaderElection(cfg *appConfig, redisClient *redis.Client, logger *zap.Logger) (leaderelection.LeaderElection, error) {
	config := leaderelection.DefaultConfig()
	config.LockTTL = cfg.LeaderElection.LockTTL
	config.HeartbeatInterval = cfg.LeaderElection.HeartbeatInterval
	config.RetryInterval = cfg.LeaderElection.RetryInterval
	config.InstanceID = cfg.LeaderElection.InstanceID
	config.Hostname = cfg.LeaderElection.Hostname
	return leaderelection.NewRedisLeaderElection(config, redisClient, logger)
}

// ---- and what it does ----

func TestTheReadme(t *testing.T) {
	server := newServer(t)
	logger := zap.NewNop()
	var cfg appConfig
	cfg.LeaderElection.LockTTL = ttl
	cfg.LeaderElection.InstanceID, cfg.LeaderElection.Hostname = "instance-1", "server-01"
	election, err := ProvideLeaderElection(&cfg, server.client, logger)
	if err != nil {
		t.Fatal(err)
	}
	service, health := &Service{leaderElection: election}, &HealthHandler{election}
	service.PerformTask()
	if _, err := service.GetLeaderStatus(); err == nil {
		t.Error("somebody leads")
	}
	if answer := ask(health); answer.Code != http.StatusInternalServerError {
		t.Error("health of no leader:", answer)
	}

	events := make(chan string, 10)
	background, stopBackground := context.WithCancel(context.Background())
	election.OnBecomeLeader(func() {
		events <- "became"
		go func() {
			ticker := time.NewTicker(time.Millisecond)
			defer ticker.Stop()
			for {
				select {
				case <-ticker.C:
					service.PerformTask()
				case <-background.Done():
					return
				}
			}
		}()
	})
	election.OnBecomeLeader(func() { panic("of a callback") })
	election.OnBecomeLeader(func() { events <- "warmed" })
	election.OnLoseLeadership(func() { stopBackground() })
	election.OnLoseLeadership(func() { events <- "lost" })
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	app := &Application{election, ctx, logger, make(chan error, 1)}
	app.Start()
	want(t, events, "became", "warmed")

	if id, err := election.GetLeaderID(); id != "instance-1" || err != nil || election.GetInstanceID() != id {
		t.Error(id, err)
	}
	info, err := service.GetLeaderStatus()
	if err != nil || info.InstanceID != "instance-1" || info.Hostname != "server-01" {
		t.Error(info, err)
	}
	eventually(t, "the leader's task runs", func() bool { return service.aggregated.Load() > 0 })
	healthy(t, health)

	if err := election.Stop(); err != nil {
		t.Error(err)
	}
	want(t, events, "lost")
	if err := <-app.ended; err != nil {
		t.Error("Start: ", err)
	}
	if n := server.client.Exists(ctx, lockKey, infoKey).Val(); n != 0 || election.IsLeader() {
		t.Error("not released", n)
	}
}

func ask(health *HealthHandler) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	health.LeaderElectionHealth(answer, httptest.NewRequest("GET", "/health", nil))
	return answer
}

func healthy(t *testing.T, health *HealthHandler) {
	t.Helper()
	var said struct {
		IsLeader   bool   `json:"is_leader"`
		InstanceID string `json:"instance_id"`
		LeaderInfo struct {
			InstanceID    string    `json:"instance_id"`
			Hostname      string    `json:"hostname"`
			StartedAt     time.Time `json:"started_at"`
			LastHeartbeat time.Time `json:"last_heartbeat"`
		} `json:"leader_info"`
	}
	answer := ask(health)
	if err := json.Unmarshal(answer.Body.Bytes(), &said); err != nil || answer.Code != http.StatusOK {
		t.Error(answer, err)
	}
	info := said.LeaderInfo
	if !said.IsLeader || said.InstanceID != "instance-1" || info.InstanceID != "instance-1" || info.Hostname != "server-01" {
		t.Errorf("%+v", said)
	}
	if info.StartedAt.IsZero() || info.LastHeartbeat.Before(info.StartedAt) {
		t.Errorf("%+v", info)
	}
}
