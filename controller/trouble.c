#include "controller/trouble.h"

const char *trouble_code(enum trouble what)
{
	static const char *const codes[] = {
		[TROUBLE_PAUSED] = "Paused",
		[TROUBLE_TREE_SHARED] = "TreeShared",
		[TROUBLE_DRY_RUN] = "DryRun",
		[TROUBLE_WOULD_ACT] = "WouldAct",
		[TROUBLE_TILT] = "Tilt",
		[TROUBLE_ACTION_HELD] = "ActionHeld",
		[TROUBLE_POD_DOES_NOT_START] = "PodDoesNotStart",
		[TROUBLE_ZOOKEEPER_NODE_LOST] = "ZooKeeperNodeLost",
		[TROUBLE_TREE_TOO_LARGE] = "TreeTooLarge",
		[TROUBLE_PEERS_COSTLY] = "PeersCostly",
		[TROUBLE_ZOOKEEPER_NOT_CONNECTED] = "ZooKeeperNotConnected",
		[TROUBLE_NO_LEADER] = "NoLeader",
		[TROUBLE_DASHBOARD_SILENT] = "DashboardSilent",
		[TROUBLE_DASHBOARD_DOWN] = "DashboardDown",
		[TROUBLE_SERVER_LISTED_BY_NAME] = "ServerListedByName",
		[TROUBLE_PASSWORD_REFUSED] = "PasswordRefused",
		[TROUBLE_SLOTS_FORGOTTEN] = "SlotsForgotten",
		[TROUBLE_NO_SERVERS] = "NoServers",
		[TROUBLE_GROUP_SWITCHING] = "GroupSwitching",
		[TROUBLE_PROMOTION_UNFINISHED] = "PromotionUnfinished",
		[TROUBLE_GROUP_UNREADABLE] = "GroupUnreadable",
		[TROUBLE_GROUP_HAS_NO_MASTER] = "GroupHasNoMaster",
		[TROUBLE_PROMOTION_TAKEN_BACK] = "PromotionTakenBack",
		[TROUBLE_SUCCESSION_UNDECIDED] = "SuccessionUndecided",
		[TROUBLE_LOSS_UNCLEAR] = "LossUnclear",
		[TROUBLE_DATA_LOST] = "DataLost",
		[TROUBLE_PROXY_SILENT] = "ProxySilent",
		[TROUBLE_PROXY_NOT_TAKEN_IN] = "ProxyNotTakenIn",
		[TROUBLE_NO_PROXY_SERVES] = "NoProxyServes",
		[TROUBLE_SLOTS_UNASSIGNED] = "SlotsUnassigned",
		[TROUBLE_SLOTS_NOT_SERVED] = "SlotsNotServed",
		[TROUBLE_REPLICAS_MISSING] = "ReplicasMissing",
		[TROUBLE_LAST_HOLDER_LEAVES] = "LastHolderLeaves",
		[TROUBLE_SERVERS_ADOPTING] = "ServersAdopting",
		[TROUBLE_SERVERS_NOT_GUARDED] = "ServersNotGuarded",
		[TROUBLE_CODIS_HA_ACTS] = "CodisHaActs",
		[TROUBLE_SLOTS_MOVING] = "SlotsMoving",
		[TROUBLE_SLOTS_WAIT] = "SlotsWait",
		[TROUBLE_SERVERS_UNFIT] = "ServersUnfit",
	};

	return codes[what];
}
