#include "controller/trouble.h"

/* What happens by itself, and what a person does, begins the row of docs/status.md. */
static const struct {
	const char *code, *next;
} troubles[] = {
	[TROUBLE_PAUSED] = { "Paused", "codisctl resume, when the work that it was set for is done" },
	[TROUBLE_TREE_SHARED] = { "TreeShared", "give one of the two another PRODUCT_NAME, or a ZooKeeper of its own" },
	[TROUBLE_DRY_RUN] = { "DryRun", "take --dry-run out when what it would do is what you want" },
	[TROUBLE_WOULD_ACT] = { "WouldAct", "read it; nothing is wrong by itself" },
	[TROUBLE_TILT] = { "Tilt", "look at the nodes and the network of the controller; it acts again by itself" },
	[TROUBLE_ACTION_HELD] = { "ActionHeld", "nothing, or what the sentence names to insist; codisctl history has "
						"what was done before" },
	[TROUBLE_POD_DOES_NOT_START] = { "PodDoesNotStart", "mend what the kubelet names, in the StatefulSet; kubectl "
							    "describe pod has all of its words" },
	[TROUBLE_ZOOKEEPER_NODE_LOST] = { "ZooKeeperNodeLost", "bring the node back, or delete the Node where it will "
							       "not come back: the next loss may take the quorum" },
	[TROUBLE_TREE_TOO_LARGE] = { "TreeTooLarge",
				     "delete what is not of this cluster from its tree (codis-fe, codis-admin)" },
	[TROUBLE_PEERS_COSTLY] = { "PeersCostly", "look at what the servers, proxies and the dashboard answer; "
						  "something that is no Codis may be at one of their addresses" },
	[TROUBLE_ZOOKEEPER_NOT_CONNECTED] = { "ZooKeeperNotConnected",
					      "see ZooKeeper's pods, and its address in the command of dashboard and "
					      "proxies: until it is, no role can change, so there is no failover" },
	[TROUBLE_NO_LEADER] = { "NoLeader", "see that both codis-controller run, and that the API server answers them: "
					    "kubectl get pods -n codis-system" },
	[TROUBLE_DASHBOARD_SILENT] = { "DashboardSilent", "nothing for a minute: a hung one is restarted" },
	[TROUBLE_DASHBOARD_DOWN] = { "DashboardDown", "nothing for a minute; then its pod's Events and log: it may "
						      "wait for ZooKeeper, or for the lock of one before it" },
	[TROUBLE_SERVER_LISTED_BY_NAME] = { "ServerListedByName", "list it by IP and port in the dashboard" },
	[TROUBLE_PASSWORD_REFUSED] = { "PasswordRefused", "what stands behind the colon: the password of the servers "
							  "and of the dashboard is the same one" },
	[TROUBLE_SLOTS_FORGOTTEN] = { "SlotsForgotten",
				      "ZooKeeper was made anew or emptied: the command that the sentence has" },
	[TROUBLE_NO_SERVERS] = { "NoServers",
				 "make the servers, or see whether PRODUCT_NAME is the same in servers and dashboard" },
	[TROUBLE_GROUP_SWITCHING] = { "GroupSwitching", "nothing: it takes milliseconds" },
	[TROUBLE_PROMOTION_UNFINISHED] = { "PromotionUnfinished",
					   "nothing: it is ended. When it lasts: the dashboard's log" },
	[TROUBLE_GROUP_UNREADABLE] = { "GroupUnreadable",
				       "mend or delete that node with codis-admin or ZooKeeper's shell" },
	[TROUBLE_GROUP_HAS_NO_MASTER] = { "GroupHasNoMaster", "nothing where a replica in sync is there; else what "
							      "stands behind the colon. Do not delete pods or volumes "
							      "of the group: one of them may have the data" },
	[TROUBLE_PROMOTION_TAKEN_BACK] = { "PromotionTakenBack",
					   "nothing, unless it was meant: somebody promoted a server that lacks data" },
	[TROUBLE_SUCCESSION_UNDECIDED] = { "SuccessionUndecided", "decide: promote that one again, or give it up with "
								  "the command that the sentence has" },
	[TROUBLE_LOSS_UNCLEAR] = { "LossUnclear", "wait: it is known when the group's servers have answered" },
	[TROUBLE_DATA_LOST] = { "DataLost", "bring it back from a backup or its source, then acknowledge it with the "
					    "command that the sentence has" },
	[TROUBLE_PROXY_SILENT] = { "ProxySilent", "see the pod's state and log; one that stays silent is taken out by "
						  "the controller" },
	[TROUBLE_PROXY_NOT_TAKEN_IN] = { "ProxyNotTakenIn", "nothing: it is given its slots. When it lasts: ActionHeld "
							    "or DashboardDown says why" },
	[TROUBLE_NO_PROXY_SERVES] = { "NoProxyServes",
				      "see the codis-proxy pods, then the dashboard: clients have nothing" },
	[TROUBLE_SLOTS_UNASSIGNED] = { "SlotsUnassigned", "nothing in a new Codis: they are dealt out once groups are "
							  "led and proxies taken in" },
	[TROUBLE_SLOTS_NOT_SERVED] = { "SlotsNotServed", "nothing: it is filled anew. When it lasts: ActionHeld or "
							 "DashboardDown says why" },
	[TROUBLE_REPLICAS_MISSING] = { "ReplicasMissing", "nothing while it syncs; else what stands behind the pod's "
							  "name. Another loss in the group may lose data until then" },
	[TROUBLE_LAST_HOLDER_LEAVES] = { "LastHolderLeaves", "wait for the replica, or lengthen the grace period of "
							     "the next; do not force the deletion" },
	[TROUBLE_SERVERS_ADOPTING] = { "ServersAdopting", "nothing, or what it waits for" },
	[TROUBLE_SERVERS_NOT_GUARDED] = { "ServersNotGuarded", "the command that the sentence has" },
	[TROUBLE_CODIS_HA_ACTS] = { "CodisHaActs", "the command that the sentence has makes a viewer of it" },
	[TROUBLE_SLOTS_MOVING] = { "SlotsMoving", "nothing: OK may stand before it" },
	[TROUBLE_SLOTS_WAIT] = { "SlotsWait", "nothing: it goes on by itself when what it waits for is over" },
	[TROUBLE_SERVERS_UNFIT] = { "ServersUnfit", "write what the sentence asks for" },
};

const char *trouble_code(enum trouble what)
{
	return troubles[what].code;
}

const char *trouble_next(enum trouble what)
{
	return troubles[what].next;
}
